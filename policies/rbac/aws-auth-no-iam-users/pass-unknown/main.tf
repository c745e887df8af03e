variable "admins" {}

resource "aws_eks_access_entry" "admin" {
  for_each      = var.admins
  cluster_name  = "shop"
  principal_arn = each.value
}
