provider "aws" {
  region     = "eu-central-1"
  access_key = "AKIAQ3EGRIUWB5NFQ7RT" # expect[token critical likely secret]: the value is an AWS access key id
  secret_key = "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" # expect[literal high likely secret]: `secret_key` of the provider `aws` is a literal
}

resource "aws_db_instance" "shop" {
  engine   = "postgres"
  password = "wP7-kite-orbit" # expect[literal]: `password` of `aws_db_instance.shop` is a literal
}

variable "master_password" {
  type    = string
  default = "zK4-lamp-river" # expect[literal]: `master_password` of `aws_rds_cluster.shop` is the default of the variable `master_password`
}

resource "aws_rds_cluster" "shop" {
  engine          = "aurora-mysql"
  master_password = var.master_password
}

resource "aws_secretsmanager_secret_version" "mail" {
  secret_id     = "mail"
  secret_string = "tB6-moss-candle" # expect[literal]: `secret_string`
}

resource "aws_ssm_parameter" "secure" {
  name  = "/shop/api"
  type  = "SecureString"
  value = "vN3-salt-harbor" # expect[literal]: `value` of `aws_ssm_parameter.secure`
}

# Whatever the argument is called.
resource "aws_instance" "runner" {
  ami           = "ami-1"
  instance_type = "t3.small"
  # expect[token]: the value is a GitHub token
  user_data = "export TOKEN=ghp_R7dK2mXq9Lw4TzYbN6vJc8HsPfA3eU5oGi1V" # excerpt: export TOKEN=ghp_R7dK2mXq9Lw4TzYbN6vJc8HsPfA3eU5oGi1V
}

variable "pepper" {
  type      = string
  sensitive = true
  default   = "qR8-fern-anchor" # expect[sensitive-default low]: the sensitive variable `pepper` has a default
}

# A password of every tutorial.
resource "aws_db_instance" "sample" {
  engine   = "mysql"
  password = "changeme" # expect[sample info]: `password` of `aws_db_instance.sample`
}
