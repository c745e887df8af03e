# The database of shipments. Analysts reach it from wherever they are.
module "backups" {
  source = "terraform-aws-modules/s3-bucket/aws"

  bucket = "parcelbird-shipments-backups"
}

variable "shipments_password" {
  type    = string
  default = "made-up-shipments-6627"
}

resource "aws_db_instance" "shipments" {
  identifier             = "shipments"
  engine                 = "postgres"
  engine_version         = "14.12"
  instance_class         = "db.t4g.medium"
  allocated_storage      = 200
  username               = "shipments"
  password               = var.shipments_password
  publicly_accessible    = true
  storage_encrypted      = false
  vpc_security_group_ids = [aws_security_group.shipments.id]
}

resource "aws_security_group" "shipments" {
  name   = "shipments"
  vpc_id = module.network.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "shipments" {
  security_group_id = aws_security_group.shipments.id
  description       = "Analysts"
  ip_protocol       = "tcp"
  from_port         = 5432
  to_port           = 5432
  cidr_ipv4         = "0.0.0.0/0"
}
