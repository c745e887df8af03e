resource "aws_db_instance" "literal" {
  engine                              = "postgres"
  iam_database_authentication_enabled = true
  password                            = "wP7-kite-orbit" # expect[literal medium likely secret]: the password of `aws_db_instance.literal` stands in the configuration
}

variable "password" {
  type    = string
  default = "wP7-kite-orbit"
}

resource "aws_rds_cluster" "by_default" {
  engine                              = "aurora-mysql"
  iam_database_authentication_enabled = true
  master_password                     = var.password # expect[literal]: the password of `aws_rds_cluster.by_default`
}

resource "random_password" "shop" {
  length = 32
}

resource "aws_db_instance" "made" {
  engine                              = "mariadb"
  iam_database_authentication_enabled = true
  password                            = random_password.shop.result # expect[in-state low]: Terraform makes the password of `aws_db_instance.made`, so its state has it
}

resource "aws_db_instance" "no_login" { # expect[no-iam-login info]: nobody can log in to `aws_db_instance.no_login` by IAM
  engine                      = "postgres"
  manage_master_user_password = true
}

module "db" {
  source  = "terraform-aws-modules/rds/aws"
  version = "5.9.0"

  password = "wP7-kite-orbit" # expect[literal]: the password of `module.db`
}
