"""What YAML files may say, as data: no name is looked up here."""
