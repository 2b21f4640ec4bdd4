"""What knows no GAN: configuration models, files, registries, plugins, the process."""
