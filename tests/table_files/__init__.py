"""What others send, however odd or large, against the guards of this server: harmless inputs, one file a subject."""
