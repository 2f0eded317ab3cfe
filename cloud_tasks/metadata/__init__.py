"""What a machine can be asked about itself: one module per provider."""
