"""Where events go: a file, several places at once."""
