"""Alert targets that are no webhooks: how a notify URL is read, what is requested of a service, what it answers.

Pure, like the rest of `domain`: `activities.targets` makes the requests. The forms of the URLs are Apprise's.
"""
