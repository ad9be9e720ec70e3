"""One call's life: words become a call, which is submitted, followed and resumed."""
