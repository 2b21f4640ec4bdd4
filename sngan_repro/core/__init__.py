"""Parts that know nothing of GANs: configuration models, files, registries, plugins, the process."""
