# not-evaluated: whether `aws_db_instance.shop` is encrypted is not known
variable "encrypted" {
  type = bool
}

resource "aws_db_instance" "shop" {
  engine            = "postgres"
  storage_encrypted = var.encrypted
}
