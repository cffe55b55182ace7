"""Long frames before anything is trained: read, looked at, counted, made ready."""
