"""The page that people look at: HTML over the same gateways as the API.

May be here: routes, what they gather, and the templates, stylesheet and script that they are shown with. May not be
here: rules, or anything that the API and the CLI cannot do as well.
"""
