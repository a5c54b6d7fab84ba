"""The demo bakeries: their machines, people, past and batches. Used by the commands `create_demo` and `follow_demo`."""
