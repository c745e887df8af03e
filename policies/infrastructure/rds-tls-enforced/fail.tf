resource "aws_db_parameter_group" "off" {
  family = "postgres17"

  parameter {
    name  = "rds.force_ssl"
    value = "0" # expect[off medium certain]: `aws_db_parameter_group.off` switches `rds.force_ssl` off: connections without TLS are allowed
  }
}

resource "aws_db_parameter_group" "mysql_off" {
  family = "mysql8.4"

  parameter {
    name  = "require_secure_transport"
    value = "OFF" # expect[off]: switches `require_secure_transport` off
  }
}

resource "aws_db_parameter_group" "old" { # expect[missing low likely]: `aws_db_parameter_group.old` does not set `rds.force_ssl`, which is off by default in `postgres14`
  family = "postgres14"

  parameter {
    name  = "log_connections"
    value = "1"
  }
}

resource "aws_db_parameter_group" "mariadb" { # expect[missing]: off by default in `mariadb11.4`
  family = "mariadb11.4"
}

resource "aws_rds_cluster_parameter_group" "aurora" { # expect[missing]: off by default in `aurora-postgresql16`
  family = "aurora-postgresql16"
}

resource "aws_rds_cluster_parameter_group" "aurora_mysql" { # expect[missing]: off by default in `aurora-mysql8.0`
  family = "aurora-mysql8.0"
}

resource "aws_db_instance" "old" { # expect[missing]: `aws_db_instance.old` has the default parameters of `postgres`, which allow connections without TLS
  engine         = "postgres"
  engine_version = "14.17"
}

resource "aws_db_instance" "by_name" { # expect[missing]: `aws_db_instance.by_name`
  engine               = "mysql"
  engine_version       = "8.0"
  parameter_group_name = "default.mysql8.0"
}

resource "aws_db_instance" "sqlserver" { # expect[missing]: `aws_db_instance.sqlserver`
  engine = "sqlserver-ex"
}

resource "aws_db_proxy" "off" {
  name        = "off"
  require_tls = false # expect[off]: the proxy `aws_db_proxy.off` takes connections without TLS, expected `require_tls`
}

resource "aws_db_proxy" "silent" { # expect[missing]: the proxy `aws_db_proxy.silent`
  name = "silent"
}
