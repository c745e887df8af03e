# not-evaluated: the parameter group of `aws_db_instance.shop` stands elsewhere
resource "aws_db_instance" "shop" {
  engine               = "postgres"
  engine_version       = "14.17"
  parameter_group_name = "shop-postgres14"
}
