variable "version_of_kubernetes" {
  type = string
}

resource "aws_eks_cluster" "shop" {
  name    = "shop"
  version = var.version_of_kubernetes
}
