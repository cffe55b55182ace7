"""The accuracy of the package on public data, beside other systems."""
