"""Studies: many trainings that answer one question, such as a sweep of hyper-parameters."""
