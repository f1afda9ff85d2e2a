"""Four published papers, one folder each. Nothing else imports from here."""
