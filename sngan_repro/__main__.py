"""``python -m sngan_repro``."""

from sngan_repro.cli.main import main

if __name__ == "__main__":
    main()
