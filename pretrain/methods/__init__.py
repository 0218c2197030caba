"""Methods whose data flow is not that of the masked model. All others are configs."""
