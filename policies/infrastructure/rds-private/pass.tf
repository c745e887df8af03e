# Without the argument there is no public address.
resource "aws_db_instance" "shop" {
  engine = "postgres"
}

resource "aws_db_instance" "off" {
  engine              = "mysql"
  publicly_accessible = false
}

resource "aws_rds_cluster" "aurora" {
  engine = "aurora-mysql"
}
