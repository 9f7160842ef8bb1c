"""Reviews: read, checked, split without leaks, tokenised and embedded once."""
