variable "name" {}

# The default is for nobody.
variable "mutability" {
  default = "MUTABLE"
}

resource "aws_ecr_repository" "this" {
  name                 = var.name
  image_tag_mutability = var.mutability
}
