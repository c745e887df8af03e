region      = "eu-central-1"
db_password = "wP7-kite-orbit" # expect[literal]: the variable `db_password` is a literal, as its name says a secret
github      = "ghp_R7dK2mXq9Lw4TzYbN6vJc8HsPfA3eU5oGi1V" # expect[token]: the value is a GitHub token
secret_name = "shop-db"
token_ttl   = "3600"
