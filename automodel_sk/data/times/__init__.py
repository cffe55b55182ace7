"""Read the times of a long frame, find their frequency, and place them on a grid."""
