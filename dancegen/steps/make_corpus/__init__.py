"""Songs, dancers and videos with known truth."""
