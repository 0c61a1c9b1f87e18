"""The command line: parse, make one call on FaceLibrary, print."""
