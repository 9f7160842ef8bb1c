"""The page's figures as PNG and SVG, for papers: drawn by matplotlib from the same numbers."""
