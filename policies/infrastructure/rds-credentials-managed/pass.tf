resource "aws_db_instance" "managed" {
  engine                              = "postgres"
  manage_master_user_password         = true
  iam_database_authentication_enabled = true
}

# Oracle has no login by IAM.
resource "aws_db_instance" "write_only" {
  engine              = "oracle-ee"
  password_wo         = ephemeral.random_password.shop.result
  password_wo_version = 1
}

resource "aws_db_instance" "read" {
  engine   = "sqlserver-ee"
  password = data.aws_secretsmanager_secret_version.db.secret_string
}

resource "aws_db_instance" "replica" {
  engine              = "postgres"
  replicate_source_db = aws_db_instance.managed.identifier
}

resource "aws_db_instance" "restored" {
  engine              = "postgres"
  snapshot_identifier = "shop-2026-11-01"
}

resource "aws_rds_cluster_instance" "one" {
  engine = "aurora-postgresql"
}

variable "password" {
  type      = string
  sensitive = true
}

resource "aws_db_instance" "given" {
  engine   = "sqlserver-se"
  password = var.password
}
