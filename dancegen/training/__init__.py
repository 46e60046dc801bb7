"""One update of training and the state to carry on later, without Ray."""
