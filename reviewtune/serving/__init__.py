"""An artifact behind HTTP: requests that come together are scored together."""
