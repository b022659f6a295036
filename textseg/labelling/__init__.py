"""Many pictures: rows of masks on disk, made by any number of workers, and made once."""
