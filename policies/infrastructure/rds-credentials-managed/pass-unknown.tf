# not-evaluated: where the password of `aws_db_instance.shop` comes from is not known: `module.passwords.shop`
module "passwords" {
  source  = "acme/passwords/aws"
  version = "1.0.0"
}

resource "aws_db_instance" "shop" {
  engine   = "sqlserver-se"
  password = module.passwords.shop
}
