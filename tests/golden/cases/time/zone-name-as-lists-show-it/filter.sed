s/^zone data [0-9]{4}[a-z]+ from .*/zone data VERSION/
