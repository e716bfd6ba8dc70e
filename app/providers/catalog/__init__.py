"""The catalogue: providers without code, one TOML file each."""
