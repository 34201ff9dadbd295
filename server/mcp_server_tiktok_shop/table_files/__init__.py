"""Tables as files for people and their programs: XLSX, CSV and JSON."""
