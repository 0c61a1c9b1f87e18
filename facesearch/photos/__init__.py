"""Photos: files found and read, bytes decoded into upright RGB images."""
