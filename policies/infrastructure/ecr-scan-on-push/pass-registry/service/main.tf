resource "aws_ecr_repository" "api" {
  name = "api"
}

variable "name" {}

resource "aws_ecr_repository" "other" {
  name = var.name
}
