variable "public" {
  type = bool
}

variable "office" {
  type = string
}

resource "aws_eks_cluster" "shop" {
  name = "shop"

  vpc_config {
    endpoint_public_access = var.public
  }
}

resource "aws_eks_cluster" "office" {
  name = "office"

  vpc_config {
    endpoint_private_access = true
    public_access_cidrs     = [var.office]
  }
}
