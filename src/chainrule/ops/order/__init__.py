"""Order and selection: what is sorted, searched, chosen or put into groups."""
