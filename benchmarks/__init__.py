"""Measurements that the package's figures and promises rest on."""
