resource "aws_db_parameter_group" "on" {
  family = "mysql8.0"

  parameter {
    name         = "require_secure_transport"
    value        = "ON"
    apply_method = "pending-reboot"
  }
}

resource "aws_db_instance" "on" {
  engine               = "mysql"
  engine_version       = "8.0.40"
  parameter_group_name = aws_db_parameter_group.on.name
}

# On by default.
resource "aws_db_parameter_group" "new" {
  family = "postgres15"
}

resource "aws_db_instance" "new" {
  engine         = "postgres"
  engine_version = "15.2"
}

resource "aws_db_instance" "mariadb" {
  engine         = "mariadb"
  engine_version = "11.8.3"
}

resource "aws_rds_cluster_parameter_group" "new" {
  family = "aurora-postgresql17"
}

# What an instance of Aurora has besides.
resource "aws_db_parameter_group" "aurora_instance" {
  family = "aurora-mysql8.0"
}

resource "aws_db_instance" "oracle" {
  engine = "oracle-ee"
}

resource "aws_db_proxy" "on" {
  name        = "on"
  require_tls = true
}
