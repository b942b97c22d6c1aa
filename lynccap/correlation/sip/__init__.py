"""SIP where it can be read: transactions, and the registrations, calls and subscriptions made of them."""
