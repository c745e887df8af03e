# not-evaluated: the version of `aws_db_instance.shop` is not known
resource "aws_db_instance" "shop" {
  engine = "postgres"
}
