variable "groups" {}

resource "aws_eks_access_entry" "admin" {
  cluster_name      = "shop"
  principal_arn     = "arn:aws:iam::111122223333:role/admin"
  kubernetes_groups = var.groups
}
