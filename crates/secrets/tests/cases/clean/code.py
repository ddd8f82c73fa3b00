# A token looks like ghp_ and 36 letters; a key begins with -----BEGIN RSA PRIVATE KEY-----
PATTERN = r"ghp_[A-Za-z0-9]{36}|AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]+PRIVATE KEY-----"
url = "https://user:password@host/"
token = get_token(password=settings.PASSWORD)
