"""Who runs the workers: each engine takes parts and yields a report of each that is done."""
