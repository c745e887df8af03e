resource "aws_db_instance" "shop" {
  engine                 = "postgres"
  publicly_accessible    = true # expect[open critical certain]: `aws_db_instance.shop` has a public address, and its port 5432 is open to the internet
  vpc_security_group_ids = [aws_security_group.db.id]
}

resource "aws_security_group" "db" {
  name = "db"
}

resource "aws_vpc_security_group_ingress_rule" "db" {
  security_group_id = aws_security_group.db.id
  ip_protocol       = "tcp"
  from_port         = 5432
  to_port           = 5432
  cidr_ipv4         = "0.0.0.0/0" # label: from everywhere
}

# Another port is open.
resource "aws_db_instance" "other_port" {
  engine                 = "postgres"
  port                   = 6000
  publicly_accessible    = true # expect[public high certain]: `aws_db_instance.other_port` has a public address
  vpc_security_group_ids = [aws_security_group.db.id]
}

resource "aws_rds_cluster_instance" "one" {
  engine              = "aurora-postgresql"
  publicly_accessible = true # expect[public]: `aws_rds_cluster_instance.one`
}

resource "aws_rds_cluster" "zones" {
  engine              = "mysql"
  publicly_accessible = "true" # expect[public]: `aws_rds_cluster.zones`
}

module "db" {
  source  = "terraform-aws-modules/rds/aws"
  version = "~> 6.0"

  publicly_accessible = true # expect[public]: `module.db` has a public address
}
