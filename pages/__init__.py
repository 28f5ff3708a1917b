"""The patients' pages (H5): opened from a message, on a phone, without a login."""
