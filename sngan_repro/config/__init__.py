"""The models of YAML files: data only, no name is looked up here."""
