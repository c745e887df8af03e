# not-evaluated: whether `aws_db_instance.shop` has a public address is not known
variable "public" {
  type = bool
}

resource "aws_db_instance" "shop" {
  engine              = "mysql"
  publicly_accessible = var.public
}
