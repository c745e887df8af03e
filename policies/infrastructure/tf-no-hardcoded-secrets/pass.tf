# Each of these was reported by other tools.
variable "password" {
  type      = string
  sensitive = true
}

variable "token_path" {
  default = "/shop/prod/token"
}

variable "password_length" {
  default = 32
}

variable "no_token" {
  sensitive = true
  default   = ""
}

variable "time_unit" {
  description = "secret rotation"
  default     = "minutes"
}

resource "aws_db_instance" "given" {
  engine   = "postgres"
  password = var.password
}

resource "aws_db_instance" "managed" {
  engine                      = "postgres"
  manage_master_user_password = true
}

resource "aws_db_instance" "placeholder" {
  engine   = "postgres"
  password = "<password>"
}

resource "aws_secretsmanager_secret" "api" {
  name = "shop-api-token"
}

resource "aws_ssm_parameter" "plain" {
  name  = "/shop/url"
  type  = "String"
  value = "wP7-kite-orbit"
}

resource "aws_secretsmanager_secret_version" "read" {
  secret_id     = aws_secretsmanager_secret.api.id
  secret_string = jsonencode({ user = "shop", password = random_password.api.result })
}

resource "random_password" "api" {
  length = 32
}

resource "aws_key_pair" "public" {
  public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBq8d2vC0Xo6vX9h8bT1yFzQ4mJr5sKpLuWnE7gHcVaD admin@example.com"
}

provider "github" {
  token = var.password
}

# Somebody sets the right value later.
resource "aws_ssm_parameter" "begun_with" {
  name  = "/shop/api"
  type  = "SecureString"
  value = "initial_value_to_be_changed"

  lifecycle {
    ignore_changes = [value]
  }
}
