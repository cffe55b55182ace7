"""Times of a long frame: reading them, their frequency, their grid."""
